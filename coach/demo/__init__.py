"""The demo's observed lessons: sources to read, what builds files of them, and what brings them into the demo."""
