/**
 * The endpoints of the contract as the client needs them: a method and a path each, without the schemas.
 *
 * A browser pays for every byte, and the contract's schemas are most of what a client would weigh. The compiler holds this
 * table to the contract: an endpoint that is missing, or has another method or path, does not compile. What editors say of the
 * client's calls is said here.
 */
import type { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import type { Contract } from "../contract/contract.ts"

type GroupsOf<Api> = Api extends HttpApi.HttpApi<infer _, infer Groups> ? Groups : never

type RouteOf<Endpoint> = Endpoint extends { readonly method: infer Method; readonly path: infer Path }
  ? readonly [Method, Path]
  : never

type Routes = {
  readonly [Group in GroupsOf<typeof Contract> as HttpApiGroup.Identifier<Group>]: {
    readonly [Endpoint in HttpApiGroup.Endpoints<Group> as HttpApiEndpoint.Identifier<Endpoint>]: RouteOf<Endpoint>
  }
}

export const routes = {
  points: {
    /** The points of a user. */
    balance: ["GET", "/users/:userId/points"],
    /** Charges points, where the host offers it. */
    charge: ["POST", "/users/:userId/points"],
    /** The ledger of a user's points, newest first. */
    entries: ["GET", "/users/:userId/points/entries"],
  },
  coupons: {
    /** Issues a coupon, first come first served. */
    issue: ["POST", "/coupons/issue"],
    /** Accepts a claim of a coupon, to be decided later in the order of acceptance. */
    request: ["POST", "/coupons/issue-requests"],
    /** What became of a claim that was accepted. With `wait` it waits so many seconds for the decision. */
    requested: ["GET", "/coupons/issue-requests/:requestId"],
    /** The coupon that a user owns of a campaign. */
    get: ["GET", "/coupons/:campaignId/issues/:userId"],
    /** The coupons of a user, by campaign. */
    ofUser: ["GET", "/users/:userId/coupons"],
  },
  products: {
    /** The products sold most in the last days. */
    popular: ["GET", "/products/popular"],
    /** A product with its exact stock. */
    get: ["GET", "/products/:productId"],
  },
  orders: {
    /** Places an order and pays it with points: all of it or none. */
    place: ["POST", "/orders"],
    /** An order as it is now. */
    get: ["GET", "/orders/:orderId"],
    /** Cancels an order, where the host offers it: points, coupon and stock come back. */
    cancel: ["POST", "/orders/:orderId/cancel"],
    /** The orders of a user, newest first. */
    ofUser: ["GET", "/users/:userId/orders"],
  },
  outcomes: {
    /** What became of one of the caller's own keys. */
    get: ["GET", "/outcomes"],
  },
} as const satisfies Routes
