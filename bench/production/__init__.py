"""docker-compose.prod.yml on a Docker engine of its own: built, started, called, updated, ended."""
