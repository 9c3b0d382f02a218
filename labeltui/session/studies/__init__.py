"""The list of studies: read from the datastore's file or from the server, and completed."""
