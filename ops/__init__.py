"""What `./run up` needs on one machine: its parts, their programs, and what is wrong with them."""
