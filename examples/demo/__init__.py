"""`make demo`: a bad rollout is found and rolled back, live, with everything real but the travellers."""
