"""What the person hears of a reply, and how much of it they have heard."""
