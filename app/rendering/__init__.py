"""Words: what a notification says, in the reader's language, zone and format."""
