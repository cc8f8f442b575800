#include <fixresc.h>
