#!/bin/bash
# appgen: ignore[script-missing] there is one
cat <<END
# appgen: ignore[script-missing]
END
echo "
# appgen: ignore[script-missing]
"
