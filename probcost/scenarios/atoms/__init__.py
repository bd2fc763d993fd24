"""Where an atom is in a molecule, and how sure that is."""
