/**
 * What each code means, in English and Korean. Codes themselves are never translated.
 *
 * Where the reference service has a sentence for a case, the Korean one is its own.
 */
import type { Reason } from "./codes.ts"

export type Language = "en" | "ko"

export const titles: Readonly<Record<Reason, Readonly<Record<Language, string>>>> = {
  InvalidInput: { en: "A parameter is invalid", ko: "유효하지 않은 파라미터가 존재합니다." },
  IdempotencyKeyReused: { en: "The key was used for another request", ko: "다른 요청에 사용된 멱등 키입니다." },
  AccountNotFound: { en: "User not found", ko: "사용자를 찾을 수 없습니다." },
  AccountNotOpen: { en: "The account is not open", ko: "이용할 수 없는 계정입니다." },
  AccountAlreadyExists: { en: "The account exists already", ko: "이미 존재하는 계정입니다." },
  AccountNotEmpty: { en: "The account still has points", ko: "계정에 포인트가 남아 있습니다." },
  OrderNotFound: { en: "Order not found", ko: "주문을 찾을 수 없습니다." },
  OrderAlreadyCompleted: { en: "The order is completed", ko: "이미 완료된 주문입니다." },
  OrderAlreadyCancelled: { en: "The order is cancelled", ko: "이미 취소된 주문입니다." },
  ProductNotFound: { en: "Product not found", ko: "존재하지 않는 상품입니다." },
  ProductRetired: { en: "The product is no longer sold", ko: "판매가 종료된 상품입니다." },
  ProductAlreadyExists: { en: "The product exists already", ko: "이미 존재하는 상품입니다." },
  PriceChanged: { en: "The price has changed", ko: "가격이 변경되었습니다." },
  AmountTooLarge: { en: "The amount is too large", ko: "금액이 허용 범위를 초과했습니다." },
  OutOfStock: { en: "Out of stock", ko: "상품의 재고가 부족합니다." },
  CampaignNotFound: { en: "Coupon not found", ko: "쿠폰을 찾을 수 없습니다." },
  CampaignAlreadyExists: { en: "The campaign exists already", ko: "이미 존재하는 캠페인입니다." },
  CampaignNotOpen: { en: "The coupon is not being issued", ko: "발급 중인 쿠폰이 아닙니다." },
  OutsideIssueWindow: { en: "Outside of the issue period", ko: "쿠폰 발급 기간이 아닙니다." },
  CouponAlreadyIssued: { en: "Already issued to this user", ko: "이미 발급된 쿠폰입니다." },
  CouponsSoldOut: { en: "All coupons are gone", ko: "쿠폰이 모두 소진되었습니다." },
  LimitBelowIssued: { en: "The limit is below what is issued", ko: "발급 한도가 발급 수량보다 작습니다." },
  CouponNotFound: { en: "Coupon not found", ko: "쿠폰을 찾을 수 없습니다." },
  RequestsNotOffered: { en: "Requests are not offered", ko: "쿠폰 발급 예약을 제공하지 않습니다." },
  RequestNotFound: { en: "Request not found", ko: "요청을 찾을 수 없습니다." },
  CouponNotUsable: { en: "The coupon is not valid", ko: "쿠폰이 유효하지 않습니다." },
  CouponExpired: { en: "The coupon has expired", ko: "쿠폰이 만료되었습니다." },
  CouponMinimumNotMet: { en: "The order is too small for the coupon", ko: "쿠폰의 최소 주문 금액에 미치지 못합니다." },
  PointsNotEnough: { en: "Not enough points", ko: "포인트가 부족합니다." },
  AlreadySubscribed: { en: "The subscription is served already", ko: "이미 처리 중인 구독입니다." },
  BalanceLimitExceeded: { en: "The balance limit is exceeded", ko: "포인트 보유 한도를 초과했습니다." },
  Overloaded: { en: "Too many requests at once", ko: "요청이 많습니다. 잠시 후 다시 시도해 주세요." },
  DeadlineExceeded: { en: "Not decided in time", ko: "제한 시간 안에 처리하지 못했습니다." },
  Stopped: { en: "The shop is stopping", ko: "서비스가 종료되는 중입니다." },
  TransactionConflict: { en: "Busy; try again", ko: "잠시 후 다시 시도해 주세요." },
  JoinNotSupported: { en: "The transaction cannot be joined", ko: "참여할 수 없는 트랜잭션입니다." },
  StoreUnavailable: { en: "The store is not available", ko: "저장소에 연결할 수 없습니다." },
  StoreRejected: { en: "The store rejects the request", ko: "저장소가 요청을 거부했습니다." },
  MALFORMED_JSON: { en: "The body is not JSON", ko: "본문이 올바른 JSON이 아닙니다." },
  MALFORMED_PATH: {
    en: "The path or query is not well encoded",
    ko: "경로나 쿼리의 인코딩이 올바르지 않습니다.",
  },
  IDEMPOTENCY_KEY_REQUIRED: { en: "An Idempotency-Key is required", ko: "멱등 키가 필요합니다." },
  IDEMPOTENCY_KEY_INVALID: { en: "The Idempotency-Key is invalid", ko: "멱등 키가 유효하지 않습니다." },
  UNAUTHENTICATED: { en: "Authentication is required", ko: "인증이 필요합니다." },
  FORBIDDEN: { en: "Not allowed", ko: "권한이 없습니다." },
  CHARGE_NOT_OFFERED: { en: "Charging is not offered", ko: "포인트 충전을 제공하지 않습니다." },
  CANCEL_NOT_OFFERED: { en: "Cancelling is not offered", ko: "주문 취소를 제공하지 않습니다." },
  ROUTE_NOT_FOUND: { en: "There is nothing at this path", ko: "존재하지 않는 경로입니다." },
  METHOD_NOT_ALLOWED: { en: "The method is not allowed here", ko: "허용되지 않은 메서드입니다." },
  REQUEST_TIMEOUT: { en: "The request took too long to arrive", ko: "요청이 제한 시간 안에 도착하지 않았습니다." },
  CANCEL_TOO_LATE: { en: "It is too late to cancel", ko: "취소할 수 있는 기간이 지났습니다." },
  BODY_TOO_LARGE: { en: "The body is too large", ko: "본문이 너무 큽니다." },
  URI_TOO_LONG: { en: "The address is too long", ko: "주소가 너무 깁니다." },
  UNSUPPORTED_MEDIA_TYPE: { en: "The body must be JSON", ko: "본문은 JSON이어야 합니다." },
  RATE_LIMITED: { en: "Too many requests", ko: "요청이 너무 많습니다." },
  HEADERS_TOO_LARGE: { en: "Too many headers", ko: "헤더가 너무 많습니다." },
  HOST_UNAVAILABLE: {
    en: "Not available for the moment",
    ko: "일시적으로 이용할 수 없습니다. 잠시 후 다시 시도해 주세요.",
  },
  INTERNAL: { en: "Something went wrong", ko: "서버 오류가 발생했습니다." },
}

/** The language of an Accept-Language header: the first of ours by weight, English where it names none. */
export const languageOf = (header: string | undefined): Language => {
  if (header === undefined || !header.includes("ko")) return "en"
  let best: { readonly language: Language; readonly weight: number } | undefined
  for (const range of header.toLowerCase().split(",")) {
    const [tag = "", ...parameters] = range.split(";").map((part) => part.trim())
    const language = tag === "*" || /^en\b/.test(tag) ? "en" : /^ko\b/.test(tag) ? "ko" : undefined
    const quality = parameters.find((parameter) => parameter.startsWith("q="))
    const weight = quality === undefined ? 1 : Number(quality.slice(2))
    if (language !== undefined && weight > (best?.weight ?? 0)) best = { language, weight }
  }
  return best?.language ?? "en"
}
