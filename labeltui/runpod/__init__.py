"""RunPod's API: REST v2, and GraphQL for the account's balance and as the fallback."""
