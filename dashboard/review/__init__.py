"""The Review page: which photo is worth a person's next minute, and what that person decides."""
