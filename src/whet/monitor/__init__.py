"""What is watched once a release serves: traffic, drift, review, retraining."""
