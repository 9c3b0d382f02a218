"""Actions on batch inferences and scorings."""
