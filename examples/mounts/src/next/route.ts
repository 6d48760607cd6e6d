/**
 * `app/api/v1/[...path]/route.ts` of a Next application: its exports are the handlers of the methods.
 */
import { shopHandler, toRouteHandlers } from "@holdfast/http"
import { shop } from "./shop.ts"

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = toRouteHandlers(
  shopHandler(shop, {
    resolveCaller: ({ headers }) => {
      // A session look-up in a real application: `const session = await auth(request)`.
      const id = headers.get("x-caller")
      return id === null ? undefined : { id }
    },
  }),
)
