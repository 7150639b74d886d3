"""The words that edge and central share: pure, keys come in as arguments."""
