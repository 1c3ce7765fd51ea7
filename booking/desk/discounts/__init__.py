"""What a registrar writes down about the path of one person, and takes back."""
