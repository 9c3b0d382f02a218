"""Actions on trainings."""
