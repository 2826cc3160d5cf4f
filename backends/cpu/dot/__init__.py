"""Matrix products: what is packed and how (plan), rearranging operands (arrange), the inner function (micro)."""
