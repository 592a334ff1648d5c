"""Image data sets: the embedded digits, MNIST, Fashion-MNIST and a user's own IDX files."""
