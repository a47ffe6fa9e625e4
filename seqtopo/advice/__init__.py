"""Why a spec is refused, and the ways out: a pass over what the resolver recorded. Every fix is verified."""
