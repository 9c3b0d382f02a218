"""RunPod over GraphQL and its SDK, for what REST does not answer."""
