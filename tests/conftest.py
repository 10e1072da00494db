"""What all tests share: the folder of this file is on the path, so that `kit` can be imported everywhere."""
