"""The screen that prices and rents a pod."""
