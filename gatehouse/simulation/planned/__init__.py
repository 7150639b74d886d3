"""What a seed stands for, drawn beforehand: who comes, what hangs where, what goes wrong."""
