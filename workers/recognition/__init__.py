"""The recognition service: audio in, transcripts out."""
