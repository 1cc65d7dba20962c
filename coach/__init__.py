"""Coaching: transcripts of classroom talk become reports with evidence."""
