"""Rents a pod and brings it to a server that answers."""
