"""What runs outside the walls: it builds them, and conducts player and referee."""
