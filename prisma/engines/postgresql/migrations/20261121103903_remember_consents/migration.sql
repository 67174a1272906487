-- CreateTable
CREATE TABLE "consents" (
    "id" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "payload" TEXT NOT NULL,
    "created_at" BIGINT NOT NULL,
    "updated_at" BIGINT NOT NULL,
    "ended_at" BIGINT,

    CONSTRAINT "consents_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "consents_account_id_idx" ON "consents"("account_id");

-- CreateIndex
CREATE INDEX "consents_client_id_idx" ON "consents"("client_id");
