"""The spool: durable folders for films, results and the pseudonym key."""
