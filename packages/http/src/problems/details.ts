/**
 * What happened this time, with its numbers: the sentence under a problem's title.
 *
 * English sentences are the core's own. Nothing that only concerns the inside, such as why a store failed, leaves here.
 */
import { isRefusal, messageOf, type Refusal, type RefusalTag, type Unavailable } from "@holdfast/core"
import { type Language, titles } from "./titles.ts"

export const detailOf = (no: Refusal | Unavailable, language: Language): string => {
  if (!isRefusal(no)) return unavailable(no, language)
  if (language === "en") return messageOf(no)
  return korean(no) ?? titles[no._tag].ko
}

const unavailable = (no: Unavailable, language: Language): string => {
  const korean = language === "ko"
  switch (no._tag) {
    case "Overloaded":
      return korean ? `대기 중인 요청이 많습니다. ${no.retryAfterMillis}ms 후 다시 시도해 주세요.` : messageOf(no)
    case "DeadlineExceeded":
      return korean ? `${no.deadlineMillis}ms 안에 처리되지 않아 취소되었습니다.` : messageOf(no)
    case "StoreRejected":
      return korean
        ? "저장소가 요청을 거부하여 아무 일도 일어나지 않았습니다. 다시 시도해도 결과는 같습니다."
        : "The store rejects the request, so nothing happened. The same request again is answered the same."
    case "StoreUnavailable":
      if (no.outcome === "nothing-happened")
        return korean
          ? "저장소에 연결할 수 없어 아무 일도 일어나지 않았습니다. 다시 시도해 주세요."
          : "The store cannot be reached, so nothing happened. Repeat the request."
      return korean
        ? "저장소가 응답하지 않아 결과를 알 수 없습니다. 같은 멱등 키로 다시 시도해 주세요."
        : "The store did not answer, so the outcome is unknown. Repeat the request with the same key."
    default:
      return korean ? titles[no._tag].ko : messageOf(no)
  }
}

const korean = (no: Refusal): string | undefined => {
  // biome-ignore lint/plugin/casts: the tag chose the sentence, and a sentence takes the fields of its own tag
  const sentence = sentences[no._tag] as ((no: Refusal) => string) | undefined
  return sentence?.(no)
}

/** What would be too large, with its particle. */
const largest: { readonly [What in Refusal<"AmountTooLarge">["what"]]: string } = {
  "order total": "주문 금액이",
  balance: "보유 포인트가",
  "on hand": "재고 수량이",
  "units sold": "판매 수량이",
}

const sentences: { readonly [Tag in RefusalTag]?: (no: Refusal<Tag>) => string } = {
  IdempotencyKeyReused: ({ key }) => `멱등 키 "${key}"는 내용이 다른 요청에 이미 사용되었습니다.`,
  AccountNotFound: ({ accountId }) => `사용자 "${accountId}"를 찾을 수 없습니다.`,
  AccountNotOpen: ({ accountId, state }) =>
    `사용자 "${accountId}"의 계정은 ${state === "suspended" ? "정지" : "해지"}되었습니다.`,
  OrderNotFound: ({ orderId }) => `주문 "${orderId}"를 찾을 수 없습니다.`,
  OrderAlreadyCompleted: ({ orderId }) => `주문 "${orderId}"는 이미 완료되었습니다.`,
  OrderAlreadyCancelled: ({ orderId }) => `주문 "${orderId}"는 이미 취소되었습니다.`,
  ProductNotFound: ({ productIds }) => `존재하지 않는 상품입니다: ${productIds.join(", ")}.`,
  ProductRetired: ({ productIds }) => `판매가 종료된 상품입니다: ${productIds.join(", ")}.`,
  PriceChanged: ({ lines, paid }) =>
    `가격이 변경되었습니다: ${[
      ...lines.map(({ productId, stated, current }) => `${productId} ${stated} → ${current}`),
      ...(paid === undefined ? [] : [`결제 금액 ${paid.stated} → ${paid.current}`]),
    ].join(", ")}.`,
  AmountTooLarge: ({ what }) => `${largest[what]} 정확히 셀 수 있는 범위(2^53 − 1)를 초과합니다.`,
  OutOfStock: ({ lines }) =>
    `재고가 부족합니다: ${lines
      .map(({ productId, requested, available }) => `${productId} 요청 ${requested}, 재고 ${available}`)
      .join(", ")}.`,
  CampaignNotFound: ({ campaignId }) => `쿠폰 "${campaignId}"를 찾을 수 없습니다.`,
  CampaignNotOpen: ({ campaignId, state }) =>
    `쿠폰 "${campaignId}"의 발급이 ${state === "paused" ? "중지" : "종료"}되었습니다.`,
  OutsideIssueWindow: ({ campaignId, opensAt, closesAt }) =>
    `쿠폰 "${campaignId}"의 발급 기간은 ${opensAt?.toISOString() ?? "생성 시점"}부터 ${closesAt?.toISOString() ?? "종료 시점"}까지입니다.`,
  CouponAlreadyIssued: ({ coupon }) => `이미 발급된 쿠폰입니다: "${coupon.campaignId}" ${coupon.ticket}번.`,
  CouponsSoldOut: ({ campaignId, limit }) => `쿠폰 "${campaignId}" ${limit}장이 모두 소진되었습니다.`,
  CouponNotFound: ({ campaignId }) => `쿠폰 "${campaignId}"를 보유하고 있지 않습니다.`,
  RequestNotFound: ({ requestId }) => `쿠폰 발급 요청 "${requestId}"를 찾을 수 없습니다.`,
  RequestsNotOffered: ({ campaignId }) => `발급 예약을 제공하지 않습니다. 쿠폰 "${campaignId}"를 바로 발급받으세요.`,
  CouponNotUsable: ({ campaignId, state }) =>
    `쿠폰 "${campaignId}"는 ${state === "redeemed" ? "이미 사용" : "회수"}되었습니다.`,
  CouponExpired: ({ campaignId, expiredAt }) => `쿠폰 "${campaignId}"는 ${expiredAt.toISOString()}에 만료되었습니다.`,
  CouponMinimumNotMet: ({ minTotal, total }) => `최소 주문 금액은 ${minTotal}이고 주문 금액은 ${total}입니다.`,
  PointsNotEnough: ({ required, available }) => `포인트가 부족합니다: 필요 ${required}, 보유 ${available}.`,
  BalanceLimitExceeded: ({ balance, amount, limit }) =>
    `보유 한도를 초과합니다: 보유 ${balance}, 충전 ${amount}, 한도 ${limit}.`,
}
