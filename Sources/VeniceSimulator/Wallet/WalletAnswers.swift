import Foundation

/// The answers that only wallets get.
enum WalletAnswers {
    static func refused(_ refusal: SignInCheck.Refusal) -> Answer {
        .json(401, ["error": .string("Sign-in failed"), "code": .string(refusal.code)])
    }

    static let tooManyAtOnce = Answer.json(
        429, ["error": "Too many concurrent requests for this wallet", "code": "X402_CONCURRENCY_LIMIT"])

    static let paymentHeader = Answer.json(
        400, ["error": "Payment headers are not accepted here", "code": "PAYMENT_HEADER_NOT_ACCEPTED"])

    /// The wallet is under the floor (shape B): told with what to do, and another body in the header.
    static func tooLow(_ balance: Cents) -> Answer {
        let body: JSONValue = [
            "error": "Wallet balance too low. Top up to continue.", "code": "PAYMENT_REQUIRED",
            "reason": "insufficient_balance", "currentBalanceUsd": .number(balance.dollars),
            "minimumBalanceUsd": .number(SimulatorState.walletFloor.dollars), "suggestedTopUpUsd": 10,
            "minimumTopUpUsd": 5, "supportedTokens": ["USDC"], "supportedChains": ["base", "solana"],
            "topUpInstructions": [
                "step1": "POST /api/v1/x402/top-up without a payment to learn what is accepted.",
                "step2": "Sign a transfer of USDC.", "step3": "POST it again with the PAYMENT-SIGNATURE header.",
                "receiverWallet": .string(TopUpPayment.recipient), "tokenAddress": .string(TopUpPayment.token),
                "tokenDecimals": 6, "network": .string(TopUpPayment.network), "minimumAmountUsd": 5,
            ],
            "siwxChallenge": [
                "info": [
                    "domain": "api.venice.ai", "uri": "https://api.venice.ai", "version": "1",
                    "statement": "Sign in to Venice AI",
                ],
                "supportedChains": [["chainId": "eip155:8453", "type": "eip191"]],
            ],
        ]
        var answer = Answer.json(402, body)
        let header: JSONValue = ["x402Version": 2, "error": "Payment required", "accepts": .array(rails)]
        answer.setHeader("PAYMENT-REQUIRED", header.bytes.base64EncodedString())
        return answer
    }

    /// What may be paid with: USDC on Base and on Solana.
    static let rails: [JSONValue] = [
        [
            "scheme": "exact", "network": .string(TopUpPayment.network), "asset": .string(TopUpPayment.token),
            "amount": "5000000", "payTo": .string(TopUpPayment.recipient), "maxTimeoutSeconds": 300,
            "extra": ["name": "USD Coin", "version": "2"],
        ],
        [
            "scheme": "exact", "network": "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
            "asset": "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "amount": "5000000",
            "payTo": "11111111111111111111111111111111", "maxTimeoutSeconds": 300,
            "extra": ["feePayer": "11111111111111111111111111111111"],
        ],
    ]

    /// The top-up's ordinary answer to a call without a payment (shape E).
    static var topUpOffer: Answer {
        var answer = Answer.json(402, ["x402Version": 2, "accepts": .array(rails)])
        answer.countsAsFailure = false
        return answer
    }

    static func topUpRefused(_ refusal: TopUpPayment.Refusal) -> Answer {
        .json(400, ["error": .string(refusal.rawValue), "message": "The payment was not accepted."])
    }

    static func credited(_ receipt: TopUpReceipt) -> Answer {
        var answer = Answer.json(
            200,
            [
                "success": true,
                "data": [
                    "walletAddress": .string(receipt.wallet), "amountCredited": .number(receipt.amount.dollars),
                    "newBalance": .number(receipt.balance.dollars), "paymentId": .string(receipt.id),
                ],
            ])
        let proof: JSONValue = [
            "success": true, "network": .string(TopUpPayment.network), "payer": .string(receipt.wallet),
            "transaction": .string(receipt.transaction),
        ]
        answer.setHeader("PAYMENT-RESPONSE", proof.bytes.base64EncodedString())
        return answer
    }

    static func balance(_ address: String, _ balance: Cents) -> Answer {
        .json(
            200,
            [
                "success": true,
                "data": [
                    "walletAddress": .string(address), "balanceUsd": .number(balance.dollars),
                    "canConsume": .bool(balance >= SimulatorState.walletFloor), "minimumTopUpUsd": 5,
                    "suggestedTopUpUsd": 10,
                ],
            ])
    }

    /// A page of the book, newest first.
    static func transactions(
        _ address: String, _ balance: Cents, _ rows: [WalletBook.Row], limit: Int, offset: Int
    ) -> Answer {
        let page = rows.reversed().dropFirst(offset).prefix(limit).map { row -> JSONValue in
            [
                "id": .string(row.id), "amount": .number(row.amount.dollars),
                "balanceAfter": .number(row.balanceAfter.dollars), "type": .string(row.kind.rawValue),
                "createdAt": .string(row.at.formatted(Ledger.time)),
                "requestId": row.requestID.map(JSONValue.string) ?? .null,
                "modelId": row.modelID.map(JSONValue.string) ?? .null,
            ]
        }
        return .json(
            200,
            [
                "success": true,
                "data": [
                    "walletAddress": .string(address), "currentBalance": .number(balance.dollars),
                    "transactions": .array(page),
                    "pagination": [
                        "limit": .number(Double(limit)), "offset": .number(Double(offset)),
                        "hasMore": .bool(rows.count > offset + limit),
                    ],
                ],
            ])
    }
}
