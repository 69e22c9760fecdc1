"""`./run chaos`: parts are lost in the middle of a spoken reply; a caller judges what it heard."""
