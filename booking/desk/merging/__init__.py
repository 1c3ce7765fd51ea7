"""One person with two accounts: what each has, what stands in the way, and bringing all of it to one of them."""
