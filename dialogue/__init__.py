"""The conversation engine: answers turns, whatever front the person is at."""
