"""What belongs to one field: its data, its simulator, its model in plain sight, its scores and pictures."""
