"""RunPod's GraphQL API, called through RunPod's SDK in a separate process."""
