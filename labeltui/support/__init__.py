"""Atomic files, back-off and subscribers. Every layer may use them; they import no other layer."""
