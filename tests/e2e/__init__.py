"""Whole journeys over real servers, with the services as real processes."""
