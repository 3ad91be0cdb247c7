"""Remote procedure calls between Millstream's components: one set of interfaces, two carriers."""
