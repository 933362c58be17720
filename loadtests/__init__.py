"""Booking under load: a simulated backend, visitors that behave as people do, and the shapes of a peak."""
