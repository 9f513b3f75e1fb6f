"""Where the codes of goods lead (GS1-Conformant Resolver 1.2): links of a product or batch, in versions."""
