"""The emulated RunPod's REST and GraphQL endpoints."""
