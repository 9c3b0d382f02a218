"""A host that is reached over SSH: addresses, keys, login and channels, as OpenSSH's client handles them."""
