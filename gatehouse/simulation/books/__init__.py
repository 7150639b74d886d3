"""What journals say, held against the promises and against who really walked."""
