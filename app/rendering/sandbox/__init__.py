"""What templates may do, and how much of it: operators write them, and threads that run wild cannot be stopped."""
