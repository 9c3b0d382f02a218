"""Where machines come from: RunPod's REST v2, and GraphQL for what only that has."""
