"""The commands of main.py that need nothing but the app."""
