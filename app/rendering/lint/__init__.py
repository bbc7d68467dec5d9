"""The gate over the words: every type of notification, on every channel, in every language, before anybody reads it."""
