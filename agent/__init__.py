"""The room agent: hears, thinks and speaks in a LiveKit room."""
