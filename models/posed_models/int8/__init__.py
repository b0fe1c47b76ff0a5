"""Float networks to int8: ranges made alike, rounding put in, fine-tuned with it."""
